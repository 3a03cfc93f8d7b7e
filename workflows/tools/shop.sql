-- A small shop: the data behind the tool `query_shop` in everyday.py.
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  since TEXT NOT NULL -- ISO date
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  price_cents INTEGER NOT NULL,
  stock INTEGER NOT NULL
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  ordered_on TEXT NOT NULL, -- ISO date
  status TEXT NOT NULL -- open, shipped or returned
);
CREATE TABLE order_lines (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL
);
INSERT INTO customers VALUES
  (1, 'Amara Okafor', 'Lagos', '2021-03-14'),
  (2, 'Jonas Weber', 'Leipzig', '2022-11-02'),
  (3, 'Mei Tanaka', 'Osaka', '2020-07-29'),
  (4, 'Lucía Romero', 'Sevilla', '2023-01-17'),
  (5, 'Tom Hadley', 'Leeds', '2023-09-05'),
  (6, 'Ingrid Solberg', 'Bergen', '2024-02-29');
INSERT INTO products VALUES
  (1, 'espresso cup', 'kitchen', 850, 120),
  (2, 'cast iron pan', 'kitchen', 4900, 18),
  (3, 'bread knife', 'kitchen', 2700, 0),
  (4, 'desk lamp', 'office', 3950, 35),
  (5, 'notebook', 'office', 620, 400),
  (6, 'fountain pen', 'office', 5400, 12),
  (7, 'hiking socks', 'outdoor', 1490, 75),
  (8, 'water bottle', 'outdoor', 1990, 0);
INSERT INTO orders VALUES
  (1, 1, '2024-01-08', 'shipped'),
  (2, 3, '2024-01-21', 'shipped'),
  (3, 2, '2024-02-03', 'returned'),
  (4, 1, '2024-03-15', 'shipped'),
  (5, 5, '2024-04-01', 'open'),
  (6, 6, '2024-04-02', 'open'),
  (7, 3, '2024-04-19', 'open');
INSERT INTO order_lines VALUES
  (1, 1, 6), (1, 5, 2), (2, 6, 1), (3, 2, 1), (3, 3, 1), (4, 4, 2), (4, 5, 10), (5, 7, 3), (6, 8, 2), (6, 7, 1),
  (7, 2, 1), (7, 1, 4);

"""The chat protocol of OpenAI as servers really speak it: bodies, replies, and what is learnt of refusals."""

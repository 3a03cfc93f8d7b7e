from ste_graph.memory.transcript import Transcript


def test_extended_appends_without_touching_what_was_there():
    before = [{"role": "user", "content": "hello"}]
    after = Transcript().extended(before, [{"role": "assistant", "content": "hi"}])
    assert after == [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    assert before == [{"role": "user", "content": "hello"}]

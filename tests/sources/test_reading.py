"""The end of a process waits for reads, but not for ever."""

import threading

from edge.sources.reading import ReadingThread, still_reading


def test_a_read_that_does_not_return_is_waited_for_so_long_and_no_longer(monkeypatch):
    returns = threading.Event()

    class Stuck(ReadingThread):
        def run(self):
            returns.wait()

    thread = Stuck("read cam")
    thread.start()
    monkeypatch.setattr(threading, "enumerate", lambda: [thread])  # not those that other tests have left in a read
    assert thread.daemon
    assert still_reading(0.01)
    threading.Timer(0.05, returns.set).start()
    assert not still_reading(60)
    assert not thread.is_alive()

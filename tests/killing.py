"""Source text for scripts that kill themselves at a chosen moment; they import os and signal."""

ARMED = """
def armed(owner, name, nth, side):
    inner, calls = getattr(owner, name), []
    def call(*arguments, **options):
        calls.append(1)
        if len(calls) == nth and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = inner(*arguments, **options)
        if len(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)
"""

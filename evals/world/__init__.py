"""The pretend data centre: emulators of the systems an on-call engineer's cluster is made of.

Each one talks its real protocol over loopback, so that unmodified clients work against it. It is an emulator
and is never evidence that something works on a real cluster. It imports nothing of Midwatch and may be used
alone.
"""

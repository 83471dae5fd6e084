"""An OpenAI-compatible chat endpoint whose answers are written down beforehand.

It lets the real client be driven through every way a model can behave: right, wrong, slow, refusing, broken.
It is not a model and nothing it says is evidence about one. What never enters: reasoning about incidents (an
answer comes from the script, or there is none).
"""

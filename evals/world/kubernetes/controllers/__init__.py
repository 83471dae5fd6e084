"""The control loops of the pretend cluster: objects in, objects out, level-triggered, one tick at a time.

A controller looks at what is stored and moves it one step towards what is asked for, as its model in
kube-controller-manager does; it keeps no memory that matters between ticks and reads the time only from the
store's clock. What never enters: knowledge of a scenario, an image or a fault.
"""

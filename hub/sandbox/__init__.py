"""Stand-in systems for those that cannot be reached, over synthetic data.

They speak the real wire format as far as it is established, and show the same for the same day.
`world` is what there is, `ecnu` and `anhui` are systems that publish parts of it, `faults` are the
switches with which a test or an operator breaks them, `serve` starts them on the loopback
interface.
"""

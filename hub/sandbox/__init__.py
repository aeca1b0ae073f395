"""Stand-in systems for those that cannot be reached, over synthetic data.

They use the real wire format as far as it is known, and their data depends on the day alone.
`world` holds the synthetic data, `ecnu` and `anhui` are systems that publish parts of it, `faults`
has switches by which a test or an operator makes them fail, `serve` starts them on the loopback
interface.
"""

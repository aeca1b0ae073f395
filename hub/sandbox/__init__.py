"""Stand-in systems for those that cannot be reached, over synthetic data.

They use the real wire format as far as it is known, and their data depends on the day alone.
`wires` holds a frozen answer of each kind and says from where it is known, `wire` fills them,
`world` holds the synthetic data, each other file is a system that publishes parts of it, `faults`
has switches by which a test or an operator makes them fail, `serve` starts them on the loopback
interface. A system knows nothing of the adapter that reads it.
"""

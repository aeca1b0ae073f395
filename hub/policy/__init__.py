"""`policy`: the law as dated data, and rules that read it; pure.

- Every threshold, cap, rate and deadline stands in `parameters/*.toml` with its legal basis and the
  days on which it holds (`law`); working days stand in `calendar/*.toml` (`working_days`).
- A rule takes facts and a view of the law, and returns a verdict with its reasons. It asks no clock
  and no database, and holds no number of the law.
- What is not known is `Missing`; it never turns into a permission or an amount (`bounds`).
"""

"""HTTP: how a source is reached over the web: transport, session, credentials, replay.

Readers of paged lists and of single answers ask through `session.HttpSession`; the bytes go through
`transport` (httpx on an own asyncio and httptools transport).
"""

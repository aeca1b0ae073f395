"""`webhooks`: delivers changes to addresses that clients have named."""

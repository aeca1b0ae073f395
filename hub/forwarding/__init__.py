"""`forwarding`: rows that are pushed here and are at home at another hub, handed on to it."""

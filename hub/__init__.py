"""The application: intake, store, ledger, access, queries, harvest, interfaces."""

"""`hub.guide`: the pages for partners, served by the hub itself."""

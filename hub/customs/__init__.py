"""`customs`: what the store says of duty-free instruments, judged by the rules of `hub.policy`.

`CustomsDesk` answers whether an instrument may serve a use, and which reports are due. It is one
function for every door: GraphQL, the command line, and whoever books or settles a service.
"""

"""`customs`: what duty-free instruments under supervision may be used for; pure.

Customs order 245 (海关总署令第245号), articles 14 to 24; notice 51 of 2017; the sharing clause of
the duty policy for science and education goods (2021 wording).
"""

"""Gates and stages of the loop, one file each.

A gate decides which frames the network gets; a stage changes results.
"""

"""Programs that run where the probing is done: inside containers and hosts. Standard library only.

They are sent along with the call and leave nothing behind. What they are told comes as one line of JSON on standard
input, so that no secret is ever an argument; they answer with lines of JSON and end when standard input does.
"""

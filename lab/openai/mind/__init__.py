"""What stands where a language model would: rules, each of which can be read.

`deciding` is the way in. It says what to do with a request; the rest finds what was said, picks sentences, fills forms.
"""

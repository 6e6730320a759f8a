"""A stand-in for OpenAI's chat completions, embeddings and model list: real wire protocol, a mind of simple rules.

Not the real service and no language model: `mind` answers from the passages it was given and calls tools by rules that
can be read. It is for tests and demonstrations.
"""

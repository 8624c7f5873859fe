"""A provider of language models, emulated: it answers as OpenAI and Anthropic do, and keeps a bill."""

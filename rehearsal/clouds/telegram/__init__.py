"""Telegram's Bot API, emulated: what a program that sends alerts can meet."""

"""The window: widgets that listen to the session and call its commands."""

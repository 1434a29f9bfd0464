"""The pages and the JSON API: PostgreSQL read models, shown. Loads no model and writes nothing."""

from vocengine.web.app import create_app
from vocengine.web.serve import serve

__all__ = ["create_app", "serve"]

#!/usr/bin/env python3
"""The least server that the official Python SDK makes: one tool, over stdio or, with PORT in the environment, over HTTP.

What the programs' calls a second are measured against. Needs the SDK (tests/foreign/requirements.txt).
"""

import logging
import os

from mcp.server import MCPServer

logging.disable(logging.WARNING)
server = MCPServer("bare")


@server.tool()
def list_quantbook_instances() -> dict[str, int]:
    """Says that there is nothing. Named as the tool of the programs it is compared with."""
    return {"instances": 0}


if __name__ == "__main__":
    port = os.environ.get("PORT")
    if port is None:
        server.run()
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(port), stateless_http=True, json_response=True)

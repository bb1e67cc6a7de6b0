"""The commands `seminar` and `app`: interactive pages, served to this machine only."""

from __future__ import annotations

import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

#: Only programs on this machine can connect.
_HOST = "127.0.0.1"
#: What can be opened besides the numbered sessions.
_GAME, _APP = "game", "judge"
#: Seconds after which the kernels and session 4's PyMC model are compiled.
_DRAWN = 8.0

NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only serve; open no browser.")]
Port = Annotated[
    int, typer.Option(metavar="P", min=0, max=65535, help="Port to listen on; 0: any free one.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        "seminar",
        short_help="Open the interactive sessions for teaching.",
        epilog="\b\nExamples:\n"
        "  emergent-stats seminar 1\n"
        "  emergent-stats seminar game\n"
        "  emergent-stats seminar --no-browser --port 2718",
    )(seminar)
    app.command(
        "app",
        short_help="Judge a table in the browser: paste or drop it.",
        epilog="\b\nExample:\n  emergent-stats app",
    )(judge)


def seminar(
    session: Annotated[
        str | None,
        typer.Argument(metavar="[N|game]", help="Session to open; without it, the list of all."),
    ] = None,
    port: Port = 0,
    no_browser: NoBrowser = False,
) -> None:
    """Serve the sessions of the seminar to this machine, until Ctrl-C."""
    _serve(session, port, no_browser)


def judge(port: Port = 0, no_browser: NoBrowser = False) -> None:
    """Serve a page on which a pasted or dropped table gets its verdicts, until Ctrl-C."""
    _serve(_APP, port, no_browser)


def folder() -> Path:
    """Folder of the sessions: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "_seminar"
    return installed if installed.is_dir() else here.parent / "seminar"


def pages() -> dict[str, Path]:
    """Pages by what a user types: "1", "2", …, "game"; and "judge"."""
    found = {path.stem.removeprefix("session"): path for path in folder().glob("session[0-9].py")}
    others = {name: folder() / f"{name}.py" for name in (_GAME, _APP)}
    return dict(sorted(found.items())) | {n: path for n, path in others.items() if path.exists()}


def titles() -> dict[str, str]:
    """Title of each page, as its app declares it."""
    import ast

    found = {}
    for name, path in pages().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "app_title":
                found[name] = ast.literal_eval(node.value)
    return found


def site() -> Any:
    """ASGI application with all pages, and a list of them at the root; needs marimo."""
    from html import escape

    try:
        import marimo
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import HTMLResponse
        from starlette.routing import Mount, Route
    except ImportError as error:
        raise _mistake(
            f"the interactive pages need marimo, which cannot be imported ({error}); "
            "install it with: pip install 'emergent_stats[seminar]'"
        ) from None
    sys.path.append(str(folder()))  # what the sessions share stands beside them
    import_module("served")

    def built_when_asked(path: Path) -> Any:
        """The app of a page: a tenth of a second each, which the first page does not wait for."""
        app: Any = None

        async def page(scope: Any, receive: Any, send: Any) -> None:
            nonlocal app
            if app is None:
                app = marimo.create_asgi_app(quiet=True).with_app(path="", root=str(path)).build()
            await app(scope, receive, send)

        return page

    rows = "".join(
        f"<li><a href='/{name}/'>{escape(name)}: {escape(title)}</a></li>"
        for name, title in titles().items()
    )
    text = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Seminar</title>"
        "<link rel='icon' href='data:,'><style>body{font:22px/1.8 system-ui,sans-serif;max-width:"
        f"44rem;margin:3rem auto}}</style><h1>Is the jump real?</h1><ul>{rows}</ul></html>"
    )

    async def index(_: Any) -> Any:
        return HTMLResponse(text)

    # a page elsewhere that has its own name point here is turned away
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[_HOST, "localhost"])
    mounted = [Mount(f"/{name}", built_when_asked(path)) for name, path in pages().items()]
    return Starlette(routes=[Route("/", index), *mounted], middleware=[hosts])


def _serve(name: str | None, port: int, no_browser: bool) -> None:
    """Serve all pages and open one, or their list."""
    import socket

    known = pages()
    if name is not None and name not in known:
        raise _mistake(f"there is no session {name!r}; use one of {', '.join(known)}")
    served = site()
    import uvicorn

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise _mistake(
                f"port {port} cannot be listened on ({error.strerror}); leave --port out, and any "
                "free one is taken"
            ) from None
        address = f"http://{_HOST}:{listener.getsockname()[1]}/{name + '/' if name else ''}"
        server = uvicorn.Server(uvicorn.Config(served, log_level="warning", ws="websockets-sansio"))
        threading.Thread(target=_open, args=(server, address, no_browser), daemon=True).start()
        server.run(sockets=[listener])


def _open(server: Any, address: str, no_browser: bool) -> None:
    """Open the page once it is served, then do once what a class would wait for."""
    import webbrowser

    while not server.started:
        time.sleep(0.02)
    typer.echo(f"{address}\n(this machine only; Ctrl-C ends it)")
    if not no_browser:
        webbrowser.open(address)
    if address.endswith(f"/{_APP}/"):
        return  # it judges in processes of its own
    # what session 1 draws with; meanwhile the browser starts
    import_module("content1")
    # the first page has this machine to itself until it is drawn
    time.sleep(_DRAWN)
    for path in sorted(folder().glob("content*.py")):
        import_module(path.stem)
    from emergent_stats import compare, simulate_curve

    compare(simulate_curve("step", seed=1)[0])
    import_module("content4").by_pymc_once()
    typer.echo("All is compiled: the class can come.")


def _mistake(words: str) -> Exception:
    """Bad input; its module brings pandas, which the first page does not wait for."""
    from emergent_stats.results.files import ResultsError

    return ResultsError(words)

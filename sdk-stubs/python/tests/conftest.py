import asyncio
import functools
import inspect
import pathlib
from typing import Any

import pytest

from peer import make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: Any) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder



@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Any:
    """Coroutine tests run in a loop of their own, for at most 60 s: no plug-in is needed."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    call = functools.partial(pyfuncitem.obj, **arguments)

    async def limited() -> None:
        await asyncio.wait_for(call(), 60)

    asyncio.run(limited())
    return True

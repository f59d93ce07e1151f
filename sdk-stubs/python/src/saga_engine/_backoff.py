"""Pauses between attempts."""

import asyncio
import random


class Backoff:
    """0.1 s doubling to 5 s, each shortened at random by up to half."""

    def __init__(self, first: float = 0.1, most: float = 5.0) -> None:
        self._first = first
        self._most = most
        self._current = first
        self.waited = 0.0

    def next(self) -> float:
        pause = self._current * (1 - 0.5 * random.random())
        self._current = min(self._most, self._current * 2)
        self.waited += pause
        return pause

    def reset(self) -> None:
        self._current = self._first
        self.waited = 0.0

    async def wait(self) -> None:
        await asyncio.sleep(self.next())

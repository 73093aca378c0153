"""The bound on pixels under way."""

import asyncio
from dataclasses import replace

import pytest

from k8s_histogram_eq import master as master_module
from k8s_histogram_eq.budget import Budget

from .support import FAST, GREY, cluster, run


def test_first_come_first_served_and_never_more_than_the_total():
    order = []

    async def body():
        budget = Budget(10)
        held = 0

        async def user(name, amount):
            nonlocal held
            async with budget.take(amount):
                held += amount
                assert held <= 10
                order.append(name)
                await asyncio.sleep(0.01)
                held -= amount
        await asyncio.gather(user('a', 6), user('large', 10), user('b', 4), user('c', 4), user('d', 4))
    run(body())
    assert order == ['a', 'large', 'b', 'c', 'd']


def test_whoever_gives_up_waiting_takes_nothing():
    async def body():
        budget = Budget(1)
        async with budget.take(1):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    async with budget.take(1):
                        raise AssertionError('more than there is')
        async with asyncio.timeout(1), budget.take(1):
            pass
    run(body())


def test_images_wait_for_each_other_and_all_get_done(monkeypatch):
    active = []
    most = []
    real = master_module.Master._equalize

    async def watched(self, data):
        active.append(1)
        most.append(len(active))
        try:
            return await real(self, data)
        finally:
            active.pop()
    monkeypatch.setattr(master_module.Master, '_equalize', watched)

    async def body():
        async with cluster(2, settings=replace(FAST, max_pixels=130)) as it:
            answers = await asyncio.gather(*(it.equalize(GREY) for _ in range(12)))
            assert [answer.status for answer in answers] == [200] * 12
    run(body())
    assert max(most) == 2

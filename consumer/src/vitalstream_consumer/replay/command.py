"""The command: says what it would do, or does it."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from vitalstream_consumer.replay import arguments
from vitalstream_consumer.replay.arguments import Order
from vitalstream_consumer.replay.errors import (
    LetterNotFoundError,
    LettersRefusedError,
    ReplayUnfinishedError,
)
from vitalstream_consumer.replay.run import Run
from vitalstream_consumer.replay.sender import Sender
from vitalstream_runtime import logging
from vitalstream_runtime.errors import StartupError
from vitalstream_runtime.kafka import wait_for_broker
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, load
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_storage import replay
from vitalstream_storage.migrate import check_version
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.replay import Choice, Place, Plan, Wanted
from vitalstream_storage.settings import DatabaseSettings

NAME: Final = "vitalstream-replay"
_BROKER_SECONDS: Final = 10.0


def main(given: Sequence[str]) -> int:
    """Say what a replay would do, or with --yes do it; returns the exit code.

    What is wrong is one line on stderr and the error's own exit code, as with a service.
    """
    order = arguments.parse(given)
    try:
        _log_to_stderr(load(ServiceSettings))
        kafka, database = load(KafkaSettings), load(DatabaseSettings)
        with connect(database, NAME) as connection:
            with replay.explained(connection):
                check_version(connection)
            choice = _choice(connection, order, kafka.topic)
            plan = replay.plan(connection, choice)
            _say(*describe(plan, kafka.topic, will=order.yes))
            if order.yes and plan.letters:
                _replay(connection, kafka, choice, plan)
    except StartupError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    return 0


def describe(plan: Plan, topic: str, *, will: bool) -> Iterator[str]:
    """The plan in lines, with nothing of any letter but when and why it became one.

    Args:
        plan: The plan.
        topic: The topic's name.
        will: Whether it is about to be done.
    """
    if not plan.letters:
        yield f"no dead letter of {topic} to replay"
    else:
        yield f"{'replaying' if will else 'would replay'} {plan.letters} dead letters to {topic}:"
        yield f"{'letters':>10}  {'reason':24}{'field':24}first seen"
        for group in plan.groups:
            oldest, newest = (time.isoformat(" ", "seconds") for time in group[3:])
            seen = oldest if oldest == newest else f"{oldest} to {newest}"
            yield f"{group.letters:>10}  {group.reason:24}{group.field or '-':24}{seen}"
    if plan.left_out:
        yield f"left out, since replayed before: {plan.left_out} (--again takes them too)"
    if plan.letters and not will:
        yield "nothing is sent without --yes"


def _replay(connection: Connection, kafka: KafkaSettings, choice: Choice, plan: Plan) -> None:
    with Shutdown() as shutdown:
        if not wait_for_broker(kafka, NAME, shutdown=shutdown, give_up_after=_BROKER_SECONDS):
            raise ReplayUnfinishedError("asked to stop; nothing was sent")
        run = Run(connection, Sender(kafka, NAME), choice, plan)
        run.go(shutdown)
    tally = run.tally
    _say(f"replayed {tally.sent} of {plan.letters}")
    if tally.refused:
        raise LettersRefusedError(
            f"the broker refused {tally.refused} letters, they stay as they are; {tally.example}"
        )
    left = plan.letters - tally.sent
    if shutdown.requested:
        raise ReplayUnfinishedError(f"asked to stop with {left} left; the same command goes on")
    if left > 0:
        raise ReplayUnfinishedError(
            f"{left} letters were with another replay, or are gone; the same command tells"
        )


def _choice(connection: Connection, order: Order, topic: str) -> Choice:
    return Choice(
        topic,
        order.reasons,
        order.seen_from,
        order.seen_before,
        None if order.wanted is None else _places(connection, order.wanted, topic),
        order.again,
        order.limit,
    )


def _places(connection: Connection, wanted: Sequence[Wanted], topic: str) -> list[Place]:
    places = []
    for one, found in zip(wanted, replay.find(connection, topic, wanted), strict=True):
        if not found:
            raise LetterNotFoundError(f"--id {one}: no dead letter of {topic} was there")
        if len(found) > 1:
            names = " or ".join(str(place) for place in found)
            raise LetterNotFoundError(
                f"--id {one}: {topic} was made anew, so there are several; say {names}"
            )
        places.append(found[0])
    return places


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _log_to_stderr(settings: ServiceSettings) -> None:
    """Stdout is the answer's; the log says errors only, unless LOG_LEVEL asks for more."""
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "ERROR"})
    with contextlib.redirect_stdout(sys.stderr):
        logging.configure("consumer", settings)

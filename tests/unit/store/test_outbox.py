"""The outbox as a state machine: whatever happens, every snapshot is somewhere, and only once."""

import tempfile
from datetime import datetime, timezone

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.store import Store


class Machine(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(self.folder.name)
        self.outbox = self.store.outbox
        self.places = [self.outbox.destination("http://a", user, user) for user in ("ana", "bea")]
        self.expected = {}
        self.number = 0

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(target=ids, place=st.sampled_from([None, 0, 1]), project=st.sampled_from("pq"))
    def record(self, place, project):
        snapshot = model.Snapshot(
            id=new_id(),
            project=project,
            project_name=project.upper(),
            run=model.Run(id="r"),
            created_at=datetime.now(timezone.utc),
        )
        number = None if place is None else self.places[place]
        self.store.record(snapshot, {}, number)
        self.expected[snapshot.id] = ("local" if place is None else "pending", number, project)
        return snapshot.id

    def change(self, snapshot, state):
        self.expected[snapshot] = (state, *self.expected[snapshot][1:])

    @rule(place=st.sampled_from([0, 1]), count=st.integers(1, 5))
    def begin_to_send(self, place, count):
        batch = self.outbox.next(self.places[place], count)
        assert [each.id for each in batch] == sorted(each.id for each in batch)
        self.outbox.mark((each.id for each in batch), "sending")
        for each in batch:
            assert self.expected[each.id][1] == self.places[place]
            self.change(each.id, "sending")

    @rule(snapshot=ids)
    def receipt(self, snapshot):
        if self.expected[snapshot][0] not in ("sending", "synced"):
            return
        self.number += 1
        receipt = model.Receipt(
            id=snapshot,
            short_id=f"SNP-{self.number}",
            project="p",
            manifest="0" * 64,
            received_at=datetime.now(timezone.utc),
        )
        self.outbox.synced([receipt])
        self.change(snapshot, "synced")

    @rule(snapshot=ids, reason=st.sampled_from(["too large", "a viewer"]))
    def refused(self, snapshot, reason):
        state = self.expected[snapshot][0]
        if state != "sending":
            return
        self.outbox.mark([snapshot], "parked", reason)
        self.change(snapshot, "parked")
        assert self.outbox.entry(snapshot).reason == reason

    @rule()
    def the_sender_dies(self):
        self.store.close()
        self.store = Store.open(self.folder.name)
        self.outbox = self.store.outbox

    @rule()
    def sending_fails(self):
        some = [each for each, (state, *_) in self.expected.items() if state == "sending"]
        self.outbox.mark_unsent(some, "pending")
        for each in some:
            self.change(each, "pending")

    @rule(place=st.sampled_from([0, 1]), project=st.sampled_from([None, "p", "Q"]))
    def push(self, place, project):
        fits = [
            each
            for each, (state, _, mine) in self.expected.items()
            if state == "local" and (project is None or mine == project.lower())
        ]
        assert self.outbox.adopt(self.places[place], project) == len(fits)
        for each in fits:
            self.expected[each] = ("pending", self.places[place], self.expected[each][2])

    @rule(place=st.sampled_from([0, 1]))
    def try_parked_again(self, place):
        self._all(place, "parked", "pending")
        self.outbox.retry_parked(self.places[place])

    @rule(place=st.sampled_from([0, 1]))
    def the_dashboard_is_set_back(self, place):
        self._all(place, "synced", "pending")
        self.outbox.send_again(self.places[place])

    def _all(self, place, old, new):
        for each, (state, number, _) in self.expected.items():
            if state == old and number == self.places[place]:
                self.change(each, new)

    @invariant()
    def every_snapshot_is_where_it_should_be(self):
        rows = self.store.database.rows("SELECT id, state, destination FROM snapshots")
        assert {row[0]: row[1:] for row in rows} == {
            each: (state, number) for each, (state, number, _) in self.expected.items()
        }

    @invariant()
    def the_count_is_right(self):
        states = [state for state, *_ in self.expected.values()]
        status = self.outbox.status()
        assert status.pending == states.count("pending") + states.count("sending")
        assert (status.parked, status.local) == (states.count("parked"), states.count("local"))
        assert status.sent == states.count("synced")
        assert status.safe_to_close == (not status.pending and not status.parked)


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestOutbox = Machine.TestCase

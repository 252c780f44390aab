"""What the simulation of changed definitions says of a recorded history is what the changed definitions make of it in a real rerun."""

import test_replay


class Simulations(test_replay.Histories):
    def test_at_least_fifty_records_go_another_way_as_was_said(self):
        self.replay(changes=("guard", "clock", "step by itself"), incidents="sla_incident_log/incident_events.csv")

"""A lifecycle node whose transitions say what went wrong and end in the right state."""
from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hsi_tracking_ros.diagnostics import explained
from hsi_tracking_ros.parameters import Entry, Parameters, Value

AUTOSTART = Entry('autostart', True, 'configure and activate at start')

SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)


class ManagedNode(LifecycleNode):
    """Base of our lifecycle nodes: a subclass overrides `configure`, `activate`, `deactivate`, `cleanup`.

    These raise what goes wrong. rclpy would swallow it; here it is logged (`diagnostics.explained`), and
    a failed `configure` ends unconfigured, a failed `activate` inactive, both undone by `cleanup` and
    `deactivate`, which therefore have to cope with half of the work done; a failed `deactivate` or
    `cleanup` ends unconfigured.

    `failure` says for the diagnostics why the last transition failed; '' where it did not.

    Args:
        name: of the node.
        table: its parameters; `autostart` is added.

    Raises:
        ValueError: a parameter that is unknown, of another type or out of range.
    """

    def __init__(self, name: str, table: Sequence[Entry], **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.failure = ''
        try:
            self.parameters = Parameters(self, (AUTOSTART, *table), on_change=self.parameters_changed,
                                         validate=self.validate_parameters,
                                         locked=lambda: self.state_id != State.PRIMARY_STATE_UNCONFIGURED)
        except ValueError:
            self.destroy_node()
            raise
        self._start_timer = None
        if self.parameters['autostart']:
            # After the constructor, on the executor; the steady clock runs where simulated time stands still.
            self._start_timer = self.create_timer(0.0, self._autostart, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def state_id(self) -> int:
        """Current state, a constant of lifecycle_msgs/State."""
        return int(self._state_machine.current_state[0])

    @property
    def is_active(self) -> bool:
        """True in the state active."""
        return self.state_id == int(State.PRIMARY_STATE_ACTIVE)

    def configure(self) -> None:
        """Load and make ready; parameters are fixed from here on."""

    def activate(self) -> None:
        """Begin to work: subscribe."""

    def deactivate(self) -> None:
        """Stop working, keep what `configure` loaded; also called after a failed `activate`."""

    def cleanup(self) -> None:
        """Free what `configure` loaded; also called after a failed `configure`, and at the end."""

    def validate_parameters(self, values: Mapping[str, Any]) -> None:
        """Raise ValueError where values do not go together; asked at start and before each change."""

    def parameters_changed(self, changed: dict[str, Value]) -> None:
        """Parameters that were set at run time and accepted."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Transition configure."""
        return self._attempt('configure', self.configure, self.cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Transition activate."""
        outcome = self._attempt('activate', self.activate, self.deactivate)
        if outcome == SUCCESS:
            self.get_logger().info('active')
        return outcome

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Transition deactivate."""
        return self._attempt('deactivate', self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Transition cleanup."""
        return self._attempt('clean up', self.cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Transition shutdown, from any state."""
        return self._attempt('shut down', self.release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an ERROR: free everything; unconfigured if that works, finalized if not."""
        outcome = self._attempt('release after an error', self.release)
        return SUCCESS if outcome == SUCCESS else FAILURE

    def release(self) -> None:
        """Deactivate and clean up, whatever was done before."""
        try:
            self.deactivate()
        finally:
            self.cleanup()

    def destroy_node(self) -> None:
        """Release, then destroy the node."""
        if hasattr(self, '_start_timer'):
            try:
                self.release()
            except Exception:
                self._tell(f'could not release: {traceback.format_exc()}')
        super().destroy_node()

    def _attempt(self, what: str, action: Callable[[], None],
                 undo: Callable[[], None] | None = None) -> TransitionCallbackReturn:
        try:
            action()
            if action != self.release:      # which follows an error, and does not undo it
                self.failure = ''
            return SUCCESS
        except Exception as error:
            self.failure = f'could not {what}: {str(error) or type(error).__name__}'
            self._tell(f'could not {what}: {explained(error)}')
        if undo is None:
            return ERROR
        try:
            undo()
            return FAILURE
        except Exception:
            self._tell(f'could not undo {what}: {traceback.format_exc()}')
            return ERROR

    def _tell(self, error: str) -> None:
        if self.context.ok():       # otherwise the process is ending, which explains it
            self.get_logger().error(error)

    def _autostart(self) -> None:
        assert self._start_timer is not None
        self.destroy_timer(self._start_timer)
        self._start_timer = None
        if self.state_id == State.PRIMARY_STATE_UNCONFIGURED and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

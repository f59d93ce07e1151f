from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CONDITION_OP_EQUAL: ConditionOp
CONDITION_OP_EXISTS: ConditionOp
CONDITION_OP_GREATER: ConditionOp
CONDITION_OP_GREATER_OR_EQUAL: ConditionOp
CONDITION_OP_LESS: ConditionOp
CONDITION_OP_LESS_OR_EQUAL: ConditionOp
CONDITION_OP_NOT_EQUAL: ConditionOp
CONDITION_OP_UNSPECIFIED: ConditionOp
DESCRIPTOR: _descriptor.FileDescriptor

class ActivityStep(_message.Message):
    __slots__ = ["activity_type", "input", "pivot", "priority", "retry", "task_queue", "timeouts", "undo", "undo_input"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PIVOT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    UNDO_INPUT_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    input: InputTemplate
    pivot: bool
    priority: int
    retry: _common_messages_pb2.RetryPolicy
    task_queue: str
    timeouts: _common_messages_pb2.ActivityTimeouts
    undo: _common_messages_pb2.UndoSpec
    undo_input: str
    def __init__(self, activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[InputTemplate, _Mapping]] = ..., retry: _Optional[_Union[_common_messages_pb2.RetryPolicy, _Mapping]] = ..., timeouts: _Optional[_Union[_common_messages_pb2.ActivityTimeouts, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., pivot: bool = ..., undo_input: _Optional[str] = ..., priority: _Optional[int] = ...) -> None: ...

class ChildStep(_message.Message):
    __slots__ = ["execution_timeout_us", "input", "parent_close_policy", "task_queue", "workflow_type"]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PARENT_CLOSE_POLICY_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    execution_timeout_us: int
    input: InputTemplate
    parent_close_policy: _common_messages_pb2.ParentClosePolicy
    task_queue: str
    workflow_type: str
    def __init__(self, workflow_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[InputTemplate, _Mapping]] = ..., parent_close_policy: _Optional[_Union[_common_messages_pb2.ParentClosePolicy, str]] = ..., execution_timeout_us: _Optional[int] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ["op", "path", "value"]
    OP_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    op: ConditionOp
    path: str
    value: str
    def __init__(self, path: _Optional[str] = ..., op: _Optional[_Union[ConditionOp, str]] = ..., value: _Optional[str] = ...) -> None: ...

class DefinitionInfo(_message.Message):
    __slots__ = ["name", "registered_us", "steps", "version"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_US_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    registered_us: int
    steps: int
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., registered_us: _Optional[int] = ..., steps: _Optional[int] = ...) -> None: ...

class DefinitionProblem(_message.Message):
    __slots__ = ["line", "message", "step_id"]
    LINE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    line: int
    message: str
    step_id: str
    def __init__(self, line: _Optional[int] = ..., step_id: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class GetDefinitionRequest(_message.Message):
    __slots__ = ["header", "name", "version"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    name: str
    version: int
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetDefinitionResponse(_message.Message):
    __slots__ = ["definition", "registered_us"]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_US_FIELD_NUMBER: _ClassVar[int]
    definition: SagaDefinition
    registered_us: int
    def __init__(self, definition: _Optional[_Union[SagaDefinition, _Mapping]] = ..., registered_us: _Optional[int] = ...) -> None: ...

class InputTemplate(_message.Message):
    __slots__ = ["constant", "output_of_step", "start_input", "template"]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_OF_STEP_FIELD_NUMBER: _ClassVar[int]
    START_INPUT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    constant: _common_messages_pb2.Payload
    output_of_step: str
    start_input: bool
    template: str
    def __init__(self, template: _Optional[str] = ..., output_of_step: _Optional[str] = ..., start_input: bool = ..., constant: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ListDefinitionsRequest(_message.Message):
    __slots__ = ["header", "page_size", "page_token"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    page_size: int
    page_token: bytes
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[bytes] = ...) -> None: ...

class ListDefinitionsResponse(_message.Message):
    __slots__ = ["definitions", "next_page_token"]
    DEFINITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    definitions: _containers.RepeatedCompositeFieldContainer[DefinitionInfo]
    next_page_token: bytes
    def __init__(self, definitions: _Optional[_Iterable[_Union[DefinitionInfo, _Mapping]]] = ..., next_page_token: _Optional[bytes] = ...) -> None: ...

class RegisterDefinitionRequest(_message.Message):
    __slots__ = ["definition", "header"]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    definition: SagaDefinition
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., definition: _Optional[_Union[SagaDefinition, _Mapping]] = ...) -> None: ...

class RegisterDefinitionResponse(_message.Message):
    __slots__ = ["unchanged", "version"]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    unchanged: bool
    version: int
    def __init__(self, version: _Optional[int] = ..., unchanged: bool = ...) -> None: ...

class SagaDefinition(_message.Message):
    __slots__ = ["continue_on_undo_error", "description", "execution_timeout_us", "name", "output", "steps", "task_queue", "version"]
    CONTINUE_ON_UNDO_ERROR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    continue_on_undo_error: bool
    description: str
    execution_timeout_us: int
    name: str
    output: InputTemplate
    steps: _containers.RepeatedCompositeFieldContainer[StepDefinition]
    task_queue: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., task_queue: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[StepDefinition, _Mapping]]] = ..., output: _Optional[_Union[InputTemplate, _Mapping]] = ..., execution_timeout_us: _Optional[int] = ..., continue_on_undo_error: bool = ..., description: _Optional[str] = ...) -> None: ...

class SignalStep(_message.Message):
    __slots__ = ["name", "timeout_us"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    timeout_us: int
    def __init__(self, name: _Optional[str] = ..., timeout_us: _Optional[int] = ...) -> None: ...

class StepDefinition(_message.Message):
    __slots__ = ["activity", "child", "conditions", "group", "id", "line", "signal", "timer"]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TIMER_FIELD_NUMBER: _ClassVar[int]
    activity: ActivityStep
    child: ChildStep
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    group: str
    id: str
    line: int
    signal: SignalStep
    timer: TimerStep
    def __init__(self, id: _Optional[str] = ..., group: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., activity: _Optional[_Union[ActivityStep, _Mapping]] = ..., signal: _Optional[_Union[SignalStep, _Mapping]] = ..., timer: _Optional[_Union[TimerStep, _Mapping]] = ..., child: _Optional[_Union[ChildStep, _Mapping]] = ..., line: _Optional[int] = ...) -> None: ...

class TimerStep(_message.Message):
    __slots__ = ["delay_us"]
    DELAY_US_FIELD_NUMBER: _ClassVar[int]
    delay_us: int
    def __init__(self, delay_us: _Optional[int] = ...) -> None: ...

class ValidateDefinitionRequest(_message.Message):
    __slots__ = ["definition", "header"]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    definition: SagaDefinition
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., definition: _Optional[_Union[SagaDefinition, _Mapping]] = ...) -> None: ...

class ValidateDefinitionResponse(_message.Message):
    __slots__ = ["problems"]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[DefinitionProblem]
    def __init__(self, problems: _Optional[_Iterable[_Union[DefinitionProblem, _Mapping]]] = ...) -> None: ...

class ConditionOp(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

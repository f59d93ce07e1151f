package saga

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"saga.engine/sdk/sagapb"
)

// ErrConnectionLost says that the connection could not be made, or ended: what was under way may or may not have happened.
var ErrConnectionLost = errors.New("connection lost")

// connectionLost is an ErrConnectionLost with its reason. notProcessed: the server has not begun the call.
type connectionLost struct {
	reason       string
	notProcessed bool
}

func (e *connectionLost) Error() string        { return "saga: connection lost: " + e.reason }
func (e *connectionLost) Is(target error) bool { return target == ErrConnectionLost }

func lost(format string, arguments ...any) error {
	return &connectionLost{reason: fmt.Sprintf(format, arguments...)}
}

// StatusError is the server's answer to a call that it did not carry out. One with code DEADLINE_EXCEEDED is a
// context.DeadlineExceeded for errors.Is.
type StatusError struct {
	// Code has gRPC's numbers and names.
	Code sagapb.StatusCode
	// Message is for people.
	Message string
	// Err is for programs; nil if the server had nothing to add.
	Err *Error
	// RetryAfter is how long to wait before a retry; 0 = no advice.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("saga: %s: %s", strings.TrimPrefix(e.Code.String(), "STATUS_CODE_"), e.Message)
}

// Is makes a passed deadline what it is for the rest of Go.
func (e *StatusError) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == sagapb.StatusCode_STATUS_CODE_DEADLINE_EXCEEDED
}

func statusError(status *sagapb.Status, values values) *StatusError {
	made := &StatusError{
		Code: status.GetCode(), Message: status.GetMessage(),
		RetryAfter: time.Duration(min(status.GetRetryAfterMs(), 3_600_000)) * time.Millisecond,
	}
	if status.GetError() != nil {
		made.Err = errorFrom(status.GetError(), values)
	}
	return made
}

// Error is the one error structure of the engine: return it from an activity, find it in a WorkflowError.
type Error struct {
	// Kind decides what the engine does: VALIDATION and DOMAIN are not retried and mean that nothing happened, most others
	// are retried. The zero value counts as ACTIVITY_EXECUTION when an activity returns it.
	Kind sagapb.ErrorKind
	// Code is your own name for it, such as `CardDeclined`. At most 255 bytes.
	Code string
	// Message is for people.
	Message string
	// Context has facts for programs.
	Context map[string]string
	// NonRetryable: do not repeat this, whatever the kind says.
	NonRetryable bool
	// Details is a value of your own; in an error that came over the wire a Value, or nil.
	Details any
}

func (e *Error) Error() string {
	name := e.Code
	if name == "" {
		name = strings.TrimPrefix(e.Kind.String(), "ERROR_KIND_")
	}
	return name + ": " + e.Message
}

// DomainError says that the business said no ("card declined"): not retried, and nothing happened.
func DomainError(code, message string) *Error {
	return &Error{Kind: sagapb.ErrorKind_ERROR_KIND_DOMAIN, Code: code, Message: message}
}

// ValidationError says that the input is wrong: not retried, and nothing happened.
func ValidationError(code, message string) *Error {
	return &Error{Kind: sagapb.ErrorKind_ERROR_KIND_VALIDATION, Code: code, Message: message}
}

type noEffect struct{ error }

func (e noEffect) Unwrap() error { return e.error }

// NoEffect wraps the error of an activity to say that nothing happened: its step needs no undo.
func NoEffect(err error) error { return noEffect{err} }

func (e *Error) message(values values) (*sagapb.SagaError, error) {
	kind := e.Kind
	if kind == sagapb.ErrorKind_ERROR_KIND_UNKNOWN {
		kind = sagapb.ErrorKind_ERROR_KIND_ACTIVITY_EXECUTION
	}
	made := &sagapb.SagaError{
		Kind: kind, Code: cut(e.Code, 255), Message: cut(e.Message, 4_096), NonRetryable: e.NonRetryable,
		TimestampUs: time.Now().UnixMicro(),
	}
	names := make([]string, 0, len(e.Context))
	for name := range e.Context {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		made.Context = append(made.Context, &sagapb.MetadataEntry{Key: cut(name, 255), Value: cut(e.Context[name], 65_536)})
	}
	if e.Details == nil {
		return made, nil
	}
	var err error
	made.Details, err = values.encode(e.Details)
	return made, err
}

func errorFrom(message *sagapb.SagaError, values values) *Error {
	made := &Error{
		Kind: message.GetKind(), Code: message.GetCode(), Message: message.GetMessage(), NonRetryable: message.GetNonRetryable(),
	}
	for _, entry := range message.GetContext() {
		if made.Context == nil {
			made.Context = map[string]string{}
		}
		made.Context[entry.GetKey()] = entry.GetValue()
	}
	if message.GetDetails() != nil {
		made.Details = Value{message.GetDetails(), values}
	}
	return made
}

// Compensation is what the unwinding of a saga reached.
type Compensation struct {
	// State is `none`, `complete`, `partial` or `given_up`.
	State string
	// OpenEntries are the undo entries left open, by the event that scheduled their step.
	OpenEntries []uint64
}

// WorkflowError says that a saga ended otherwise than by completing.
type WorkflowError struct {
	WorkflowID string
	// Status is FAILED, CANCELED, TIMED_OUT or TERMINATED.
	Status sagapb.WorkflowStatus
	// Err is why it failed; nil unless Status is FAILED.
	Err *Error
	// Reason of a cancel or terminate.
	Reason string
	// Compensation is what was undone.
	Compensation Compensation
}

func (e *WorkflowError) Error() string {
	what := strings.ToLower(strings.TrimPrefix(e.Status.String(), "WORKFLOW_STATUS_"))
	why := e.Reason
	if e.Err != nil {
		why = e.Err.Error()
	}
	if why != "" {
		why = ": " + why
	}
	return fmt.Sprintf("saga: workflow %s %s%s", e.WorkflowID, what, why)
}

// Unwrap gives the error that a failed saga ended with.
func (e *WorkflowError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

func compensation(summary *sagapb.CompensationSummary) Compensation {
	state := strings.ToLower(strings.TrimPrefix(summary.GetState().String(), "COMPENSATION_STATE_"))
	return Compensation{State: state, OpenEntries: summary.GetOpenEntries()}
}

// cut makes text that the server takes: valid UTF-8, no NUL, at most limit bytes.
func cut(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

func min[T uint64 | int | int64 | uint32](a, b T) T {
	if a < b {
		return a
	}
	return b
}

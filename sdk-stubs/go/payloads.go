package saga

import (
	"encoding/json"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"

	"saga.engine/sdk/sagapb"
)

// Codec changes every payload on its way out and back in, as an encryption does: the server sees only what Encode made.
// Encoding may be changed; what else is needed to get back goes into Metadata.
type Codec interface {
	Encode(*sagapb.Payload) (*sagapb.Payload, error)
	Decode(*sagapb.Payload) (*sagapb.Payload, error)
}

// Value is a payload that is not decoded yet. As an argument it is passed on as it is.
type Value struct {
	payload *sagapb.Payload
	values  values
}

// NewValue makes a value of an encoding of your own.
func NewValue(encoding string, data []byte) Value {
	return Value{payload: &sagapb.Payload{Encoding: encoding, Data: data}}
}

// IsEmpty says that there is no value.
func (v Value) IsEmpty() bool {
	return v.payload.GetEncoding() == "" && len(v.payload.GetData()) == 0
}

// Encoding of the value, after the codec: `json`, `bytes`, `protobuf` or your own; empty for no value.
func (v Value) Encoding() (string, error) {
	payload, err := v.values.open(v.payload)
	return payload.GetEncoding(), err
}

// Data is the encoded value, after the codec.
func (v Value) Data() ([]byte, error) {
	payload, err := v.values.open(v.payload)
	return payload.GetData(), err
}

// Get decodes the value into what a pointer points to: a *[]byte takes encoding `bytes`, a protobuf message `protobuf`, a
// *Value anything, all else JSON. No value leaves it alone.
func (v Value) Get(pointer any) error { return v.values.decode(v.payload, pointer) }

// values turns Go values into payloads and back.
type values struct{ codec Codec }

func (v values) encode(value any) (*sagapb.Payload, error) {
	payload, err := plain(value)
	if err != nil || v.codec == nil {
		return payload, err
	}
	return v.codec.Encode(payload)
}

func plain(value any) (*sagapb.Payload, error) {
	switch value := value.(type) {
	case Value:
		if value.payload == nil {
			return &sagapb.Payload{}, nil
		}
		return value.values.open(value.payload)
	case []byte:
		return &sagapb.Payload{Encoding: "bytes", Data: value}, nil
	case proto.Message:
		data, err := proto.Marshal(value)
		name := string(value.ProtoReflect().Descriptor().FullName())
		return &sagapb.Payload{Encoding: "protobuf", Data: data, Metadata: []*sagapb.MetadataEntry{{Key: "type", Value: name}}}, err
	default:
		data, err := json.Marshal(value)
		return &sagapb.Payload{Encoding: "json", Data: data}, err
	}
}

// open undoes the codec.
func (v values) open(payload *sagapb.Payload) (*sagapb.Payload, error) {
	if v.codec == nil || payload == nil || (payload.Encoding == "" && len(payload.Data) == 0) {
		return payload, nil
	}
	return v.codec.Decode(payload)
}

func (v values) decode(payload *sagapb.Payload, pointer any) error {
	if raw, ok := pointer.(*Value); ok {
		*raw = Value{payload, v}
		return nil
	}
	if pointer == nil || payload == nil || (payload.Encoding == "" && len(payload.Data) == 0) {
		return nil
	}
	payload, err := v.open(payload)
	if err != nil {
		return err
	}
	// A pointer to a nil *Message gets a message of its own.
	if target := reflect.ValueOf(pointer); target.Kind() == reflect.Pointer && target.Elem().Kind() == reflect.Pointer {
		if made, ok := reflect.New(target.Elem().Type().Elem()).Interface().(proto.Message); ok {
			if err := protobuf(payload, made); err != nil {
				return err
			}
			target.Elem().Set(reflect.ValueOf(made))
			return nil
		}
	}
	if message, ok := pointer.(proto.Message); ok {
		return protobuf(payload, message)
	}
	switch payload.Encoding {
	case "json":
		return json.Unmarshal(payload.Data, pointer)
	case "bytes":
		if bytes, ok := pointer.(*[]byte); ok {
			*bytes = payload.Data
			return nil
		}
	}
	return fmt.Errorf("saga: a payload of encoding %q does not fit a %T", payload.Encoding, pointer)
}

func protobuf(payload *sagapb.Payload, into proto.Message) error {
	if payload.Encoding != "protobuf" {
		return fmt.Errorf("saga: a payload of encoding %q, not protobuf", payload.Encoding)
	}
	return proto.Unmarshal(payload.Data, into)
}

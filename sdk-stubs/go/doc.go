// Package saga is the Go SDK of Saga Engine: it starts sagas, and serves their activities.
//
// A step that was done and has an undo is undone when its saga ends badly, whatever crashes. Dial connects over TLS 1.3;
// Client starts sagas, steers them, waits for them and reads them; Worker serves activities and their undos. All of them
// are safe for concurrent use.
package saga

// Version of this SDK.
const Version = "0.1.0"

"""Tests of the IDL's rules: that ours keeps them, and that each is noticed when it is broken."""

import pathlib
import sys
import tempfile
import unittest

import idl

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOOD = """syntax = "proto3";
package saga.v1;
import "saga/v1/options.proto";
// Header.
message RequestHeader {
  // Id. 0-128 bytes.
  string request_id = 1;
}
// Request.
message PingRequest {
  // Header.
  RequestHeader header = 1;
}
// Response.
message PingResponse {
  // Count.
  uint32 count = 1;
}
// Service.
service Pings {
  // Call.
  rpc Ping(PingRequest) returns (PingResponse) { option (rpc) = {number: 256}; }
}
"""


class Rules(unittest.TestCase):
    def broken(self, old, new, expected):
        self.assertIn(old, GOOD)
        with tempfile.TemporaryDirectory() as tmp:
            folder = pathlib.Path(tmp) / "saga/v1"
            folder.mkdir(parents=True)
            (folder / "options.proto").write_text((ROOT / "saga/v1/options.proto").read_text())
            (folder / "x_messages.proto").write_text(GOOD.replace(old, new))
            model = idl.Idl(idl.load(tmp))
            if expected is None:
                model.check()
                return model
            with self.assertRaises(idl.Problem) as caught:
                model.check()
            self.assertIn(expected, str(caught.exception))

    def test_our_own_idl_keeps_all_rules(self):
        model = idl.Idl(idl.load(ROOT))
        model.check()
        model.check_lock((ROOT / "methods.lock").read_text())
        self.assertGreater(len(model.wire_messages()), 200)

    def test_the_good_example_passes(self):
        self.broken("Call.", "Call.", None)

    def test_field_without_comment(self):
        self.broken("  // Count.\n", "", "field PingResponse.count has no comment")

    def test_field_without_limit(self):
        self.broken("0-128 bytes.", "Short.", "field RequestHeader.request_id does not say how large")

    def test_message_without_comment(self):
        self.broken("// Response.\n", "", "message PingResponse has no comment")

    def test_proto3_optional(self):
        self.broken("uint32 count", "optional uint32 count", "proto3 `optional`")

    def test_direct_recursion(self):
        self.broken("uint32 count", "PingResponse count", "recursive: PingResponse > PingResponse")

    def test_recursion_through_another_message(self):
        self.broken(
            "  uint32 count = 1;\n}",
            "  repeated Middle middle = 1;\n}\n// M.\nmessage Middle {\n  // Back.\n  PingResponse back = 1;\n}",
            "recursive: PingResponse > Middle > PingResponse",
        )

    def test_request_without_header(self):
        self.broken("RequestHeader header = 1", "RequestHeader header = 2", "field 1 of PingRequest")
        self.broken("RequestHeader header = 1", "string header = 1", "field 1 of PingRequest")

    def test_missing_number(self):
        self.broken("{ option (rpc) = {number: 256}; }", "{}", "has no number")

    def test_number_outside_a_range_of_its_own(self):
        self.broken("number: 256", "number: 255", "outside the range")

    def test_reused_number(self):
        self.broken(
            "  // Call.\n",
            "  // Call.\n  rpc Pong(PingRequest) returns (PingResponse) { option (rpc) = {number: 256}; }\n  // Call.\n",
            "reuses number 256",
        )

    def test_maps_and_nested_types(self):
        self.broken("uint32 count", "map<string, string> count", "nested types")

    def test_saga_id_that_is_not_bytes(self):
        self.broken("uint32 count", "string saga_id", "named like a saga id")

    def test_lock(self):
        model = self.broken("Call.", "Call.", None)
        model.check_lock("Pings.Ping = 256\n")
        model.check_lock("# why\nPings.Ping = 256\nPings.Old = 257 retired\n")
        for text, expected in [
            ("", "add `Pings.Ping = 256`"),
            ("Pings.Ping = 257\n", "is 257 there and 256 in the IDL"),
            ("Pings.Ping = 256\nPings.Old = 257\n", "mark it `retired`"),
            ("Pings.Ping = 256\nPings.Old = 256 retired\n", "number 256 is used by"),
            ("Pings.Ping = 256 retired\n", "is retired and stands in the IDL"),
            ("Pings.Ping = 256\nPings.Ping = 257\n", "stands there twice"),
        ]:
            with self.assertRaises(idl.Problem) as caught:
                model.check_lock(text)
            self.assertIn(expected, str(caught.exception))


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=1)

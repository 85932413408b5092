"""Asks one question through a client generated from proto/ and streams the answer. examples/README.md says how to generate it."""

import os
import sys
from pathlib import Path

import grpc
from google.rpc import error_details_pb2, status_pb2
from kaleem.chat.v1 import message_pb2
from kaleem.gateway.v1 import gateway_service_pb2, gateway_service_pb2_grpc


def failure(error: grpc.RpcError) -> str:
    """The failure as clients read it: domain and reason to branch on, wrong fields, and when to try again."""
    lines = [f"{error.code().name}: {error.details()}"]
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                lines.append(f"  {info.domain}/{info.reason} {dict(info.metadata)}")
            elif detail.Unpack(bad):
                lines += [f"  {violation.field}: {violation.description}" for violation in bad.field_violations]
            elif detail.Unpack(retry):
                lines.append(f"  try again after {retry.retry_delay.ToTimedelta()}")
    return "\n".join(lines)


server = os.environ.get("KALEEM_SERVER", "127.0.0.1:8080").removeprefix("http://")
key = os.environ.get("KALEEM_API_KEY") or Path("kaleem-data/demo.key").read_text().strip()
question = sys.argv[1] if len(sys.argv) > 1 else "هل تشحنون إلى جدة؟"
user = message_pb2.Message(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=question)])
request = gateway_service_pb2.StreamChatRequest(input=gateway_service_pb2.ChatInput(messages=[user]))

with grpc.insecure_channel(server) as channel:
    gateway = gateway_service_pb2_grpc.GatewayServiceStub(channel)
    try:
        for event in gateway.StreamChat(request, metadata=[("authorization", f"Bearer {key}")], timeout=60):
            match event.WhichOneof("event"):
                case "started":
                    print(f"({event.started.served_model}: {event.started.route.reason})")
                case "text":
                    print(event.text.text, end="", flush=True)
                case "notice":
                    print(f"({event.notice.message})")
                case "finished":
                    usage = event.finished.usage
                    print(f"\n  {usage.input_fresh_count} tokens in, {usage.output_text_count} out")
                    print(f"  {event.finished.cost_pico_usd} pico-USD, {event.finished.quota_left.day_request_count} requests left today")
    except grpc.RpcError as error:
        sys.exit(failure(error))

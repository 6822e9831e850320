"""Calls a server with what protoc generated: python client.py HOST:PORT."""
import json
import sys

import grpc
from akin.v1 import info_service_pb2, info_service_pb2_grpc, search_service_pb2, search_service_pb2_grpc

LARGEST = 32 << 20  # limits.max_response_bytes of GetServerInfo

retries = {
    "methodConfig": [{
        "name": [{"service": f"akin.v1.{name}Service"} for name in ("Paper", "Search", "Embedding", "Info")],
        "retryPolicy": {
            "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }]
}
channel = grpc.insecure_channel(sys.argv[1], compression=grpc.Compression.Gzip, options=[
    ("grpc.service_config", json.dumps(retries)),
    ("grpc.max_receive_message_length", LARGEST),
])
more = [("akin-max-response-bytes", str(LARGEST))]

info = info_service_pb2_grpc.InfoServiceStub(channel).GetServerInfo(info_service_pb2.GetServerInfoRequest(), timeout=5)
print("largest answer:", info.limits.max_response_bytes)
search = search_service_pb2_grpc.SearchServiceStub(channel)
found = search.Search(search_service_pb2.SearchRequest(query="graph neural networks", page_size=3), timeout=10, metadata=more)
print("results:", len(found.results))

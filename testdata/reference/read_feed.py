"""Reads an Atom feed from standard input with feedparser, and says as JSON what it found."""

import json
import sys

import feedparser

found = feedparser.parse(sys.stdin.buffer.read())
json.dump(
    {
        "bozo": str(found.get("bozo_exception", "")) if found.bozo else "",
        "version": found.version,
        "id": found.feed.get("id"),
        "title": found.feed.get("title"),
        "updated": list(found.feed.get("updated_parsed") or ()),
        "links": [(link.get("rel"), link.get("href")) for link in found.feed.get("links", [])],
        "entries": [
            {
                "id": entry.get("id"),
                "title": entry.get("title"),
                "link": entry.get("link"),
                "authors": [author.get("name") for author in entry.get("authors", [])],
                "updated": list(entry.get("updated_parsed") or ()),
                "published": list(entry.get("published_parsed") or ()),
                "tags": [tag.get("term") for tag in entry.get("tags", [])],
                "content": entry.content[0].value if entry.get("content") else "",
            }
            for entry in found.entries
        ],
    },
    sys.stdout,
)

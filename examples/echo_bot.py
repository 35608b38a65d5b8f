#!/usr/bin/env python3
"""Answers each message with the same one, by way of `p2pchat --json` (docs/json.md).

    ./echo_bot.py --name echo --rendezvous chat.example.org --strangers accept

All options are those of p2pchat. P2PCHAT names another program than the one in PATH. While a chat
runs on the same profile, the bot joins it.
"""

import json
import os
import subprocess
import sys


def main():
    program = os.environ.get("P2PCHAT", "p2pchat")
    chat = subprocess.Popen(
        [program, "--json", *sys.argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )

    def say(**wish):
        chat.stdin.write(json.dumps(wish) + "\n")
        chat.stdin.flush()

    answers = 0
    for line in chat.stdout:
        event = json.loads(line)
        # Types and fields that are not known are to be ignored.
        if event["type"] == "ready":
            print(f"{event['name']}@{event['rendezvous']}", file=sys.stderr, flush=True)
        elif event["type"] == "message":
            answers += 1
            say(
                type="send",
                # What is said in a room is answered there.
                to=event.get("room", event["from"]),
                text=event["text"],
                reply_to=event["id"],
                ref=str(answers),
            )
        elif event["type"] == "status" and event["state"] == "failed":
            print(f"not sent: {event.get('reason')}", file=sys.stderr, flush=True)
        elif event["type"] == "error":
            print(event["message"], file=sys.stderr, flush=True)
    return chat.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)

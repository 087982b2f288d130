# Throws a die when a member writes "!dice".
#   python3 dice-bot.py multichat --room kitchen --peer HOST:PORT
import json, random, subprocess, sys

bot = subprocess.Popen(sys.argv[1:] + ["pipe"], stdin=-1, stdout=-1, text=True)
for line in bot.stdout:
    said = json.loads(line)
    if said["type"] == "message" and not said["backfill"] and said["text"] == "!dice":
        text = f"{said['author']['nick']} throws a {random.randint(1, 6)}"
        bot.stdin.write(json.dumps({"cmd": "send", "text": text}) + "\n")
        bot.stdin.flush()

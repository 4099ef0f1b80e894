"""The web server of the walkthrough: a real Flask, one page open, one behind a password. app.py ADDRESS PORT"""

import sys

from flask import Flask, Response, request

app = Flask("app")


@app.route("/", methods=["GET", "POST"])
def index():
    return "Hello, Fail2ban.\n"


@app.route("/restricted/")
def restricted():
    who = request.authorization
    if who is not None and (who.username, who.password) == ("user1", "password"):
        return "Welcome.\n"
    return Response("Unauthorized Access\n", 401, {"WWW-Authenticate": 'Basic realm="Restricted"'})


app.run(host=sys.argv[1], port=int(sys.argv[2]))

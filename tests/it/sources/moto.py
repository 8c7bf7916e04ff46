# moto's S3 server, but for two things. Listings come in pages of three, so that all of them have several pages. And a
# signature is checked over the query as it was sent: moto takes the decoded one, for which AWS's own client, too, is
# refused a prefix with a slash.
import os
import sys

os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "3"

from moto.core.responses import ActionAuthenticatorMixin
from moto.server import main

decoded = ActionAuthenticatorMixin._authenticate_and_authorize_action


def as_sent(self, *arguments):
    uri = self.uri
    # Requests to IAM hold none, and need none: only S3's are of paths.
    if request := getattr(self, "request", None):
        self.uri = request.environ["RAW_URI"]
    try:
        return decoded(self, *arguments)
    finally:
        self.uri = uri


ActionAuthenticatorMixin._authenticate_and_authorize_action = as_sent
main(sys.argv[1:])

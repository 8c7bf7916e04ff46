"""What the 12 checks of the suite ask, for every peer; each prints what it found as one JSON object.

Counts are of offending rows. `unique` and `duplicates` count the rows that repeat an earlier one: rows less
distinct ones.
"""

import json
import sys
from pathlib import Path

COUNTRIES = ["JP", "US", "DE", "FR", "IN", "BR", "NG", "AU", "CA", "GB"]
EMAIL = r"^[^@\s]+@[^@\s]+$"
ROWS_AT_LEAST = 1000
AGE = (0, 120)
MEAN_SCORE = (0.4, 0.6)
Q95_AT_MOST = 500
FRESH_DAYS = 3650
SQL = "amount < 0 and active"
#: The columns that the checks need, for tools that must be told.
COLUMNS = ["id", "user_id", "age", "amount", "score", "country", "email", "day", "signup", "active"]


def files() -> tuple[str, str, bool]:
    """ROWS and USERS of the command line, and whether they are CSV."""
    rows, users = sys.argv[1:3]
    return rows, users, Path(rows).suffix == ".csv"


def show(**found) -> None:
    """Prints the finding; numbers rounded to what every tool agrees on."""
    print(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in found.items()}, default=str))

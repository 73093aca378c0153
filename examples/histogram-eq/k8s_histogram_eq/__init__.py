"""Distributed histogram equalization: one master API, N workers, bytes equal to a single process."""

import os

# Read when prometheus_client is imported, so it must be set before: no `_created` series beside every counter.
# process_start_time_seconds says when all of them began.
os.environ.setdefault('PROMETHEUS_DISABLE_CREATED_SERIES', 'true')

# Taskline's API: docker build -t taskline . && docker run --env-file .env -p 127.0.0.1:8000:8000 taskline
# Other commands go behind the image's name: docker run --env-file .env taskline migrate status

FROM python:3.11-slim AS packages

WORKDIR /build
COPY requirements.lock .
# Wheels alone, each checked by its hash: nothing is compiled, so no compiler is needed.
RUN python -m venv /opt/taskline \
 && /opt/taskline/bin/pip install --require-hashes --no-deps --only-binary=:all: \
      --no-cache-dir --disable-pip-version-check -r requirements.lock


FROM python:3.11-slim

# The image's user may read the program and change nothing in it.
RUN ["useradd", "--create-home", "--uid", "10001", "taskline"]
COPY --from=packages /opt/taskline /opt/taskline

WORKDIR /app
COPY app.py settings.py errors.py ./
COPY commands/ commands/
COPY server/ server/
COPY schema/ schema/
COPY execution/ execution/
COPY resolvers/ resolvers/
COPY db/ db/
COPY migrations/ migrations/
COPY web/dist/ web/dist/

ENV PATH=/opt/taskline/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000

# /healthz asks only the process: a database that is away is no reason to start the API again.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", \
  "import http.client, os, sys; api = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('TASKLINE_PORT', 8000)), timeout=2); api.request('GET', '/healthz'); sys.exit(api.getresponse().status != 200)"]

ENTRYPOINT ["python", "-m", "commands"]
CMD ["serve", "--host", "0.0.0.0"]

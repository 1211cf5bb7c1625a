# syntax=docker/dockerfile:1
# The program alone on an empty image: no shell, no package manager, no root.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t kantsten .
#   docker run -p 8311:8311 -v kantsten:/data -e KANTSTEN_BASE_URL=https://… kantsten

FROM golang:1.26-bookworm AS build
WORKDIR /src
# The modules first, so that a change of the code does not fetch them again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
# As `make build` does it: without C, so the file needs no library, and with the
# time zones inside, because the image has none.
RUN CGO_ENABLED=0 go build -tags nomsgpack,nodynamic,timetzdata -trimpath \
    -ldflags "-s -w -X main.version=${VERSION}" -o /out/kantsten ./cmd/kantsten
# A new volume takes over the owner of the folder that it is mounted on; /tmp
# holds uploads while they are read.
RUN mkdir -p /out/data /out/tmp && chmod 0700 /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build /out/kantsten /kantsten
# By number, because the image has no list of users; Kubernetes'
# runAsNonRoot asks for a number too.
USER 65532:65532
ENV KANTSTEN_DATA=/data \
    KANTSTEN_ADDR=:8311
VOLUME /data
EXPOSE 8311
ENTRYPOINT ["/kantsten"]
CMD ["serve"]

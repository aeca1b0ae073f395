// A client of the hub in Java 17 with the JDK alone; no compiler step, no library:
//   java Hub.java HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]
// Fetches a token, asks a question; with a source it pushes rows and fetches the first one's receipt.
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

public final class Hub {
    private static final String QUESTION =
        "{ instruments(first: 1) { totalCount nodes { name { zh } } sources { id status asOf } } }";
    private static final SecureRandom RANDOM = new SecureRandom();

    private final HttpClient http = HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(20)).build();
    private final String base;
    private final String client;
    private final PrivateKey key;
    private final String jwk;
    private final String kid;
    private String token = "";

    Hub(String base, String client, Path keyFile) throws IOException, GeneralSecurityException {
        this.base = base.replaceAll("/+$", "");
        this.client = client;
        String pem = Files.readString(keyFile).replaceAll("-----[A-Z ]+-----|\\s", "");
        byte[] der = Base64.getDecoder().decode(pem);
        this.key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
        // The public point is at the end of the file: 4, then x and y with 32 bytes each.
        if (der[der.length - 65] != 4) {
            throw new IOException(keyFile + " holds no public key; make one with deltahub client new");
        }
        String x = b64u(Arrays.copyOfRange(der, der.length - 64, der.length - 32));
        String y = b64u(Arrays.copyOfRange(der, der.length - 32, der.length));
        this.jwk = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" + x + "\",\"y\":\"" + y + "\"}";
        this.kid = b64u(sha256(utf8(jwk))); // RFC 7638
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 3 && args.length != 5) {
            stop("java Hub.java HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]");
        }
        try {
            run(args);
        } catch (IOException error) { // a file that is not there, or a hub that does not answer
            stop(error.getMessage() == null ? args[0] + " does not answer: " + error : error.toString());
        }
    }

    private static void run(String[] args) throws Exception {
        Hub hub = new Hub(args[0], args[1], Path.of(args[2]));
        System.out.println("token     " + hub.askForToken(""));
        String told = hub.ask(QUESTION);
        System.out.println("question  " + member(told, "totalCount") + " instruments, the first: " + member(told, "zh"));
        if (args.length == 3) {
            return;
        }
        String pushed = hub.push(args[3], Files.readAllBytes(Path.of(args[4])));
        String entry = member(pushed, "entryId");
        if (entry.isEmpty()) {
            stop("nothing was taken: " + pushed);
        }
        System.out.println("push      first row " + member(pushed, "outcome") + ", entry " + entry);
        Files.write(Path.of(entry + ".tlog-proof"), hub.get("/receipts/" + entry));
        Files.write(Path.of(entry + ".record.json"), hub.get("/records/" + entry));
        System.out.println("receipt   " + entry + ".tlog-proof " + entry + ".record.json");
    }

    /** Fetches a token; the first answer names a nonce, the second has the token. */
    private String askForToken(String nonce) throws Exception {
        long now = Instant.now().getEpochSecond();
        String claims = "{\"iss\":\"" + client + "\",\"sub\":\"" + client + "\",\"aud\":\"" + base + "\",\"jti\":\""
            + random(16) + "\",\"iat\":" + now + ",\"exp\":" + (now + 60) + "}";
        Map<String, String> form = new LinkedHashMap<>();
        form.put("grant_type", "client_credentials");
        form.put("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        form.put("client_assertion",
            jws("{\"alg\":\"ES256\",\"kid\":\"" + kid + "\",\"typ\":\"client-authentication+jwt\"}", claims));
        form.put("resource", base); // what the token is for; without it: invalid_target
        String body = form.entrySet().stream()
            .map(each -> each.getKey() + "=" + URLEncoder.encode(each.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
        String more = nonce.isEmpty() ? "" : ",\"nonce\":\"" + nonce + "\"";
        Map<String, String> headers = Map.of(
            "content-type", "application/x-www-form-urlencoded", "dpop", proof("POST", "/oauth/token", more));
        HttpResponse<byte[]> answer = send("POST", "/oauth/token", headers, utf8(body));
        String told = text(answer);
        if (nonce.isEmpty() && member(told, "error").equals("use_dpop_nonce")) {
            return askForToken(answer.headers().firstValue("dpop-nonce").orElseThrow());
        }
        if (answer.statusCode() != 200) {
            stop("token refused: " + told);
        }
        token = member(told, "access_token");
        return member(told, "scope");
    }

    private String ask(String document) throws Exception {
        Map<String, String> headers = proven("POST", "/graphql");
        headers.put("content-type", "application/json");
        String told = text(send("POST", "/graphql", headers, utf8("{\"query\":\"" + document + "\"}")));
        if (told.contains("\"errors\"")) {
            stop("question refused: " + told);
        }
        return told;
    }

    /** Sends one signed request (RFC 9421, RFC 9530): a line for each component, then the parameters. */
    private String push(String source, byte[] rows) throws Exception {
        String target = "/batches?source=" + URLEncoder.encode(source, StandardCharsets.UTF_8);
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("content-digest", "sha-256=:" + b64(sha256(rows)) + ":");
        headers.put("content-type", "application/x-ndjson");
        headers.putAll(proven("POST", "/batches"));
        headers.put("idempotency-key", random(18));
        Map<String, String> values = new LinkedHashMap<>();
        values.put("@method", "POST");
        values.put("@target-uri", base + target);
        values.putAll(headers);
        long now = Instant.now().getEpochSecond();
        String params = values.keySet().stream().map(name -> '"' + name + '"').collect(Collectors.joining(" ", "(", ")"))
            + ";created=" + now + ";expires=" + (now + 300) + ";nonce=\"" + random(24) + "\";keyid=\"" + kid
            + "\";alg=\"ecdsa-p256-sha256\";tag=\"hub-req-1\"";
        values.put("@signature-params", params);
        String signed = values.entrySet().stream()
            .map(each -> '"' + each.getKey() + "\": " + each.getValue()).collect(Collectors.joining("\n"));
        headers.put("signature-input", "hub=" + params);
        headers.put("signature", "hub=:" + b64(sign(signed)) + ":");
        HttpResponse<byte[]> answer = send("POST", target, headers, rows);
        if (answer.statusCode() != 200) {
            stop("push refused: " + text(answer));
        }
        return text(answer);
    }

    /** Reads what is at a path; the log signs about once a second, 202 until then. */
    private byte[] get(String path) throws Exception {
        for (int i = 0; i < 30; i++) {
            HttpResponse<byte[]> answer = send("GET", path, proven("GET", path), new byte[0]);
            if (answer.statusCode() == 200) {
                return answer.body();
            }
            if (answer.statusCode() != 202) {
                stop(path + ": " + text(answer));
            }
            Thread.sleep(500);
        }
        stop(path + ": not signed yet");
        return new byte[0];
    }

    /** Gives the two headers of an authorised request; a proof is good once. */
    private Map<String, String> proven(String method, String path) throws GeneralSecurityException {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("authorization", "DPoP " + token);
        headers.put("dpop", proof(method, path, ",\"ath\":\"" + b64u(sha256(utf8(token))) + "\""));
        return headers;
    }

    private String proof(String method, String path, String more) throws GeneralSecurityException {
        return jws("{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\",\"jwk\":" + jwk + "}",
            "{\"jti\":\"" + random(16) + "\",\"htm\":\"" + method + "\",\"htu\":\"" + base + path + "\",\"iat\":"
                + Instant.now().getEpochSecond() + more + "}");
    }

    private String jws(String header, String claims) throws GeneralSecurityException {
        String signed = b64u(utf8(header)) + "." + b64u(utf8(claims));
        return signed + "." + b64u(sign(signed));
    }

    /** Signs as the hub wants it: r and s, 32 bytes each. */
    private byte[] sign(String signed) throws GeneralSecurityException {
        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initSign(key);
        signature.update(utf8(signed));
        return signature.sign();
    }

    private HttpResponse<byte[]> send(String method, String target, Map<String, String> headers, byte[] body)
        throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + target))
            .timeout(Duration.ofSeconds(60))
            .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        return http.send(request.build(), BodyHandlers.ofByteArray());
    }

    /** Finds the first plain member of that name; a program in earnest takes a JSON library. */
    private static String member(String json, String name) {
        Matcher found = Pattern.compile('"' + name + "\":\\s*\"?([^\",}]*)").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    private static String text(HttpResponse<byte[]> answer) {
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] sha256(byte[] bytes) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(bytes);
    }

    private static String b64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static String b64u(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String random(int size) {
        byte[] bytes = new byte[size];
        RANDOM.nextBytes(bytes);
        return b64u(bytes);
    }

    private static void stop(String why) {
        System.err.println(why);
        System.exit(1);
    }
}

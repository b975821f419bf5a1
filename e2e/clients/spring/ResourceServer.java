package api;

import java.util.Map;
import java.util.TreeMap;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An API as Spring Boot makes it from one setting, the issuer: it answers with whom it took the caller for. */
@SpringBootApplication
@RestController
public class ResourceServer {
    public static void main(String[] arguments) {
        SpringApplication.run(ResourceServer.class, arguments);
    }

    @GetMapping("/who")
    Map<String, Object> who(Authentication caller) {
        Map<String, Object> answer = new TreeMap<>();
        answer.put("name", caller.getName());
        answer.put("authorities", caller.getAuthorities().stream().map(GrantedAuthority::getAuthority).filter(one -> one.startsWith("SCOPE_")).sorted().toList());
        answer.put("kind", ((JwtAuthenticationToken) caller).getToken().getClaimAsString("token_kind"));
        return answer;
    }
}
